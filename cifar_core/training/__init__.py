"""Everything that imports TensorFlow; this file runs before it does and says how it is to behave."""

import os

# On a processor without VNNI, TensorFlow leaves oneDNN's kernels off. Measured on two Zen 3 cores, images a
# second without and with them, before `kernels` did some of it: the report's CNN 175 and 266, airbench94 92
# and 141, VGG16 18 and 39.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
