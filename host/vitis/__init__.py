"""AMD's real tools behind the same two verbs; `container` is what runs inside AMD's container."""
