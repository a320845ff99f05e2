/** Cornerstone's viewports: how they come, which buttons they listen to, and how they go. */

import { core, TOOLS, type ToolName, tools } from "./cornerstone";

const ENGINE = "medimage";
let engine: core.RenderingEngine | null = null;
let mounted = 0;
let count = 0;

export type ToolGroup = NonNullable<ReturnType<typeof tools.ToolGroupManager.createToolGroup>>;

export interface Seat {
  id: string;
  viewport: core.Types.IStackViewport;
  group: ToolGroup;
}

/** A viewport with its tools in an element. Throws where there is none; nothing of it stays then. */
export function mount(element: HTMLDivElement): Seat {
  const id = `view-${(count += 1)}`;
  engine ??= new core.RenderingEngine(ENGINE);
  mounted += 1;
  try {
    engine.enableElement({ viewportId: id, type: core.Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    const viewport = engine.getViewport(id) as core.Types.IStackViewport;
    const group = tools.ToolGroupManager.createToolGroup(id);
    if (!group) throw new Error("A viewport of this name exists.");
    for (const tool of Object.values(TOOLS)) group.addTool(tool.toolName);
    group.addViewport(id, ENGINE);
    for (const name of ["length", "bidirectional", "ellipse", "rectangle", "angle"] as const) group.setToolPassive(TOOLS[name].toolName);
    return { id, viewport, group };
  } catch (error) {
    unmount(id);
    throw error;
  }
}

/** The way back; the last one takes the engine along. */
export function unmount(id: string): void {
  tools.ToolGroupManager.destroyToolGroup(id);
  if (engine?.getViewport(id)) engine.disableElement(id);
  mounted -= 1;
  if (mounted > 0) return;
  engine?.destroy();
  engine = null;
}

/** The elements have another size. */
export function resize(): void {
  engine?.resize(true, true);
}

/** What the left button does; null: nothing of Cornerstone's, as while painting. The others move and zoom. */
export function bind(group: ToolGroup, tool: ToolName | null, before: ToolName | null): void {
  const { Primary, Secondary, Auxiliary } = tools.Enums.MouseBindings;
  for (const name of ["window", "pan", "zoom"] as const) group.setToolPassive(TOOLS[name].toolName, { removeAllBindings: true });
  if (before) group.setToolPassive(TOOLS[before].toolName, { removeAllBindings: true });
  const bindings = new Map<ToolName, object[]>([
    ["pan", [{ mouseButton: Auxiliary }, { mouseButton: Primary, modifierKey: tools.Enums.KeyboardBindings.Shift }]],
    ["zoom", [{ mouseButton: Secondary }, { numTouchPoints: 2 }]],
  ]);
  if (tool) bindings.set(tool, [{ mouseButton: Primary }, ...(bindings.get(tool) ?? [])]);
  for (const [name, bound] of bindings) group.setToolActive(TOOLS[name].toolName, { bindings: bound as never });
}
