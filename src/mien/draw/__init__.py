"""What reports and pictures are drawn with: pages, plots, charts, lettering, palette."""
