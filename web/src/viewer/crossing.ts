import type { Line } from "./engine/painter";
import { type PlaneName, shownAt, voxelOf } from "./engine/plane";
import type { Stack } from "./engine/stack";
import type { PaneSpec } from "./state";

/** Where the other planes cut the picture of a pane. */
export function linesOf(spec: PaneSpec, stackOf: (spec: PaneSpec) => Stack, at: Partial<Record<PlaneName, number>>): Line[] {
  const own = stackOf(spec).plane;
  return (["axial", "coronal", "sagittal"] as const).flatMap((plane) => {
    const index = at[plane];
    if (plane === spec.plane || index === undefined) return [];
    const other = stackOf({ ...spec, plane }).plane;
    const voxel = voxelOf(other, spec.series, index, 0, 0);
    const [, down, across] = shownAt(own, spec.series, voxel);
    return [other.through.of === own.down.of ? { down } : { across }];
  });
}
