"""What a patient's notes say: facts with their place in the text, events in order, contradictions, passages.

Pure text analysis. A note is data: nothing in it is followed, and spans point at the text exactly as it was written.
"""
