"""What a canvas shows, counted in the page."""

from __future__ import annotations

COLOURED = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0 && Math.abs(data[i] - data[i + 2]) > 40) count += 1;
    return count;
}"""
"""Pixels that are drawn in a colour: marks."""
LIT = """canvas => {
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] > 100) count += 1;
    return count;
}"""
"""Pixels that are not dark: a picture."""
MIDDLE_ALPHA = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const found = [];
    for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 0 && Math.abs(data[i] - data[i + 2]) > 40) found.push(data[i + 3]);
    return found.sort((a, b) => a - b)[found.length >> 1] ?? 0;
}"""
"""Median opacity of coloured pixels, 0–255."""
