"""Images and labels: the Kaggle archive, folders of photos, splits, augmentation."""
