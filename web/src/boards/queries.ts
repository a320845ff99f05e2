import { queryOptions } from "@tanstack/react-query";
import { client, dataOf, type Schemas } from "../api/client";

const readBoard = (boardId: string) =>
  dataOf(client.GET("/api/v1/boards/{board_id}", { params: { path: { board_id: boardId } } }));

export type BoardView = Awaited<ReturnType<typeof readBoard>>;
export type Message = Schemas["MessageView"];

export const boardQuery = (boardId: string) =>
  queryOptions({ queryKey: ["board", boardId], queryFn: () => readBoard(boardId), staleTime: Infinity });

export const boardsQuery = queryOptions({
  queryKey: ["boards"],
  queryFn: () => dataOf(client.GET("/api/v1/boards")),
});

export const studiesQuery = queryOptions({
  queryKey: ["studies"],
  queryFn: () => dataOf(client.GET("/api/v1/studies")),
});
