"""siftune's curation engine: raw customer-service logs in, an SFT set with evidence for every verdict out."""

__version__ = "0.1.0"
