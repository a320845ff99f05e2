import { t } from "../texts";

/** Shown until data is there. */
export function Waiting({ what = t.state.loading }: { what?: string }) {
  return (
    <p className="waiting" role="status">
      {what}
    </p>
  );
}
