"""What a model is worth: its numbers, what they come down to, and the images behind them."""
