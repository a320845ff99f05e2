/** Stands in for a library that the viewer's dependencies name and never call here. */
export const create = (): never => {
  throw new Error("No XML is written in the page.");
};
