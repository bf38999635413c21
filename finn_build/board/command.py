"""How ``validate.py`` is run on a PYNQ board. Plain enough for whichever Python it is started with by mistake."""

OLDEST_PYTHON = (3, 10)
PYTHON = "/usr/local/share/pynq-venv/bin/python3"
COMMAND = "sudo XILINX_XRT=/usr " + PYTHON + " validate.py"
