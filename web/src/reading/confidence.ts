/** Below this a sentence or an outline counts as unsure: a reader looks at it first, in the images and in the report. */
export const UNSURE = 0.7;
