"""Weight cells: their groups, merging of classes, and calibration to controls."""
