"""How long a key may be: bounds of finite length from counts alone."""
