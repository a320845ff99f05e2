"""How fast the page is there, in a real browser, at the product itself."""
