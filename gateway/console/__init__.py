"""The page at `/`: plain HTML, CSS and modules in `page/`, served as they are."""
