"""DICOMweb, the read side: QIDO-RS and WADO-RS (PS3.18) over the studies that are kept here."""
