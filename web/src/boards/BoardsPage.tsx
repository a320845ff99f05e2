import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { HeaderRow } from "../parts/HeaderRow";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { OpenBoard } from "./OpenBoard";
import { boardsQuery } from "./queries";
import { texts } from "#texts/boards";
import "./boards.css";

/** The case list of the meetings that the reader takes part in. */
export default function BoardsPage() {
  const boards = useQuery(boardsQuery);
  return (
    <div className="boards">
      <h1>{texts.title}</h1>
      <p className="quiet-text">{texts.intro}</p>
      {boards.isPending && <Waiting />}
      {boards.error && <Problem error={boards.error} onRetry={() => void boards.refetch()} />}
      {boards.data?.boards.length === 0 && <p className="empty-state">{texts.none}</p>}
      {boards.data && boards.data.boards.length > 0 && (
        <table className="panel">
          <HeaderRow names={texts.columns} />
          <tbody>
            {boards.data.boards.map((board) => (
              <tr key={board.board_id}>
                <td>
                  <Link href={`/boards/${board.board_id}`}>{board.title}</Link>
                </td>
                <td>{board.question}</td>
                <td>
                  <span className={`badge ${board.state === "running" ? "warn" : ""}`}>{texts.states[board.state] ?? board.state}</span>
                </td>
                <td>{board.members.join(", ")}</td>
                <td>{new Date(board.created).toLocaleString()}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <OpenBoard />
    </div>
  );
}
