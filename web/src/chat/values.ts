/** Values of events as what they should be: an event is not trusted to have every field. */

export const read = {
  text: (value: unknown): string => (typeof value === "string" ? value : ""),
  record: (value: unknown): Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {},
  json: (value: unknown): Record<string, unknown> => {
    try {
      return read.record(JSON.parse(read.text(value)));
    } catch {
      return {};
    }
  },
};
