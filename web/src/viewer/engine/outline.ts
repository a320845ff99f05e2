/** The rim of a mask along the edges of its pixels, as lines: x0, y0, x1, y1, … Pixel centres are whole numbers. */
export function rim(bits: Uint8Array, rows: number, columns: number): number[] {
  const lines: number[] = [];
  const inside = (row: number, column: number) => row >= 0 && column >= 0 && row < rows && column < columns && bits[row * columns + column] === 1;
  for (let row = 0; row <= rows; row += 1) {
    let begun = -1;
    for (let column = 0; column <= columns; column += 1) {
      const edge = column < columns && inside(row - 1, column) !== inside(row, column);
      if (edge && begun < 0) begun = column;
      if (!edge && begun >= 0) {
        lines.push(begun - 0.5, row - 0.5, column - 0.5, row - 0.5);
        begun = -1;
      }
    }
  }
  for (let column = 0; column <= columns; column += 1) {
    let begun = -1;
    for (let row = 0; row <= rows; row += 1) {
      const edge = row < rows && inside(row, column - 1) !== inside(row, column);
      if (edge && begun < 0) begun = row;
      if (!edge && begun >= 0) {
        lines.push(column - 0.5, begun - 0.5, column - 0.5, row - 0.5);
        begun = -1;
      }
    }
  }
  return lines;
}
