export const texts = {
  label: "Guided tour",
  place: "Step {n} of {all}",
  back: "Back",
  next: "Next",
  end: "End the tour",
  finish: "Start reading",
  keys: "← and → go back and on, Esc ends the tour.",
  missing: "It is not on this page yet; it comes with a study, or with its first analysis.",
  steps: {
    worklist: {
      title: "What is to be read",
      body: "The most urgent study stands first, with its clock, its progress and what the indication asks. The keys j and k go through the list, Enter opens a study, ? shows all keys.",
    },
    viewer: {
      title: "The images",
      body: "Scroll through the slices, drag for the window, and take a preset. Letters say which side is which, and distances are in millimetres wherever the source gives a pixel size.",
    },
    ask: {
      title: "Ask in your own words",
      body: "Write a question, such as “Measure the liver”. Each step of the agents is shown as it happens, with the model that did it. Nothing is sent or signed without your yes.",
    },
    masks: {
      title: "Look at what was found",
      body: "Every structure has a colour, a size and a note on how sure the model was. A click goes to the slice where it is largest; what is doubtful comes first.",
    },
    correct: {
      title: "Correct it",
      body: "Take the brush or the eraser. The page says what changed, by how much, and keeps it as feedback for the next study.",
    },
    report: {
      title: "The draft of the report",
      body: "Each sentence leads to the evidence behind it. Edit what is wrong: what the AI wrote stays visible beside what you wrote.",
    },
    sign: {
      title: "It is a draft until you sign",
      body: "Critical findings ask for the attending first. You sign, give back, or reject with a reason, and see what would be delivered where.",
    },
  },
};
