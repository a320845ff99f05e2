export const texts = {
  images: "Images",
  side: "Conversation and report",
  tabs: { chat: "Conversation", report: "Report" },
  analysis: "Analysis",
  noAnalysis: "No analysis yet: ask a question, or order one",
  patient: "Patient",
  accession: "Accession",
  unknown: "not stated",
  board: "Tumour board",
};
