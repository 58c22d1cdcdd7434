"""The plots: batch maxima, histogram of distances, outlier ladder, triangle."""
