import { ApiError } from "../api/client";
import { t } from "../texts";

/** An error with its remedy, and a way to try again. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const remedy = error instanceof ApiError ? error.remedy : "";
  return (
    <div className="problem" role="alert">
      <p>
        <strong>{error instanceof Error ? error.message : String(error)}</strong>
      </p>
      {remedy && (
        <p>
          {t.state.remedy}: {remedy}
        </p>
      )}
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {t.state.retry}
        </button>
      )}
    </div>
  );
}
