import { client, dataOf, type Schemas } from "../api/client";
import { HeaderRow } from "../parts/HeaderRow";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import { fill } from "../texts";
import { duration, short } from "./numbers";
import { texts } from "#texts/operations";

const SHOWN = 16;
/** Without a heartbeat for so long a worker counts as gone; its jobs go on elsewhere. */
const SILENT_S = 10;

function stateOf(worker: Schemas["WorkerView"]) {
  if (worker.quiet_s > SILENT_S) return <span className="badge warn">{texts.silent}</span>;
  return worker.draining ? texts.draining : texts.working;
}

/** What waits, who works, and the switch that stops a priority. */
export function Queues({ now, onChanged }: { now: Schemas["OperationsView"]; onChanged: () => void }) {
  const { busy, error, act } = useAct();

  async function change(priority: Schemas["Priority"], paused: boolean) {
    const body = { priorities: [priority] };
    await dataOf(paused ? client.POST("/api/v1/jobs/resume", { body }) : client.POST("/api/v1/jobs/pause", { body }));
    onChanged();
  }

  const facts = [
    fill(texts.running, { n: now.running }),
    fill(texts.ended, { n: short(now.per_hour) }),
    fill(texts.arriving, { n: short(now.arriving_per_hour) }),
    now.mean_s === null ? "" : fill(texts.mean, { n: short(now.mean_s) }),
    now.advised_workers === null ? "" : fill(texts.advised, { n: now.advised_workers }),
  ];
  return (
    <section className="panel" aria-labelledby="queues">
      <h2 id="queues">{texts.queues}</h2>
      <p className="quiet-text">{facts.filter(Boolean).join(" · ")}</p>
      {error !== null && <Problem error={error} />}
      <div className="tables">
        <table>
          <caption className="unseen">{texts.queues}</caption>
          <HeaderRow names={texts.queueColumns} numbers={["waiting", "oldest"]} />
          <tbody>
            {now.queues.map((queue) => (
              <tr key={queue.priority}>
                <th scope="row">
                  {queue.priority} {queue.paused && <span className="badge warn">{texts.paused}</span>}
                </th>
                <td className="number">{queue.waiting}</td>
                <td className="number">{queue.waiting ? duration(queue.oldest_wait_s) : texts.unknown}</td>
                <td>
                  <button
                    type="button"
                    aria-label={`${queue.paused ? texts.resume : texts.pause} ${queue.priority}`}
                    disabled={busy}
                    onClick={() => void act(() => change(queue.priority, queue.paused))}
                  >
                    {queue.paused ? texts.resume : texts.pause}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {now.workers.length === 0 ? (
          <p className="quiet-text">{texts.noWorkers}</p>
        ) : (
          <table>
            <caption className="unseen">{texts.workers}</caption>
            <HeaderRow names={texts.workerColumns} numbers={["slots", "quiet"]} />
            <tbody>
              {now.workers.map((worker) => (
                <tr key={worker.worker_id}>
                  <td title={worker.host}>{worker.host.slice(0, SHOWN)}</td>
                  <td>{worker.version}</td>
                  <td className="number">{worker.slots}</td>
                  <td className="number">{duration(worker.quiet_s)}</td>
                  <td>{stateOf(worker)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}
