"""Commands of `mmhie` that check and measure, one file each."""
