/** Address of a slice as the server draws it. */
export const pictureOf = (studyUid: string, seriesUid: string, slice: number): string =>
  `/api/v1/studies/${encodeURIComponent(studyUid)}/series/${encodeURIComponent(seriesUid)}/slices/${slice}.png`;
