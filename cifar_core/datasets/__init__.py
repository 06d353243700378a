"""What can be learned from: where it is, whether it is whole, its images and labels."""
