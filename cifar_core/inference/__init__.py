"""What a model says of a picture, without TensorFlow: the class, how sure it is, whether it is none, why."""
