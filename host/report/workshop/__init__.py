"""What a person looks at after a training: verdict, curves, confusions, mistakes, comparison."""
