"""The web console at `/`: plain HTML, CSS and JavaScript modules in `page/`."""
