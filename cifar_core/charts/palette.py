"""The colours of all charts; but for the theme, no other file knows one.

They keep apart for colour-blind eyes and have a contrast of at least 3 to 1 on the light and on the dark
background. Those of the grid are left to Streamlit's theme.
"""

TRAINING, VALIDATION = "#4C8ED9", "#D9730D"
RIGHT, WRONG, NEUTRAL = "#1B9E77", "#D95F02", "#7C8A99"
TEXT_ON_LIGHT, TEXT_ON_DARK = "#0B141D", "#E8EDF2"  # the theme's
LABEL_ON_LIGHT, LABEL_ON_DARK = "#4A535C", "#B4BEC8"
# Expressions, because the one who draws a chart does not know the page's background, but Vega does.
TEXT = {"expr": f"luminance(background) > 0.5 ? '{TEXT_ON_LIGHT}' : '{TEXT_ON_DARK}'"}
LABEL = {"expr": f"luminance(background) > 0.5 ? '{LABEL_ON_LIGHT}' : '{LABEL_ON_DARK}'"}
BLACK, WHITE = "#000000", "#FFFFFF"  # of pixels drawn as numbers, and the numbers on them
# Classes on a map, where nothing but their colours tells ten of them apart; more begin anew.
CLASS_COLOURS = [
    "#1E96FF",
    "#D27878",
    "#4BA52D",
    "#FF3C00",
    "#5A5AB4",
    "#FF00F0",
    "#875A3C",
    "#9687B4",
    "#870FFF",
    "#C31E78",
]
RUN_COLOURS = [TRAINING, VALIDATION, RIGHT, "#9C4DE6", "#D2145A", NEUTRAL]

HEIGHT = 300  # pixels, of a chart that has no reason for another
LARGE_HEIGHT = 450  # of one that is shown to a room
A_CLASS = 18  # pixels at least, where each class has a row
