import { useQuery } from "@tanstack/react-query";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { Meeting } from "./Meeting";
import { boardQuery } from "./queries";
import "./boards.css";

export default function BoardPage({ boardId }: { boardId: string }) {
  const board = useQuery(boardQuery(boardId));
  if (!board.data) return board.error ? <Problem error={board.error} onRetry={() => void board.refetch()} /> : <Waiting />;
  return <Meeting board={board.data} />;
}
