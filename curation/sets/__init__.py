"""Files of SFT sets, ours or anybody's: read into one shape, judged, and written in another format."""
