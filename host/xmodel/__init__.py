"""Reading and writing .xmodel files; the only room that knows protobuf."""
