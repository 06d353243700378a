"""The colours of all charts; but for the theme, no other file knows one.

They keep apart for colour-blind eyes and have a contrast of at least 3 to 1 on the light and on the dark
background. Axis, grid and text colours are left to Streamlit's theme. It does not reach text that is a mark,
which takes one of two colours here.
"""

TRAINING, VALIDATION = "#4C8ED9", "#D9730D"
RIGHT, WRONG, NEUTRAL = "#1B9E77", "#D95F02", "#7C8A99"
TEXT_ON_LIGHT, TEXT_ON_DARK = "#0B141D", "#E8EDF2"  # the theme's
RUN_COLOURS = [TRAINING, VALIDATION, RIGHT, "#9C4DE6", "#D2145A", NEUTRAL]

# Of words in a chart, as an expression that Vega works out from the page's background.
WORDS = {"expr": "luminance(background) > 0.5 ? '#4A535C' : '#B4BEC8'"}

HEIGHT = 300  # pixels, of a chart that has no reason for another
