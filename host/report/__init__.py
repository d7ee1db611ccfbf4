"""Run records and model folders become a page, a Markdown file and a JSON file. No TensorFlow."""
