import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { ApiError } from "../api/client";
import { Failing } from "../parts/Failing";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { WorklistPage } from "../worklist/WorklistPage";
import { Frame } from "./Frame";
import { Missing } from "./Missing";

// The worklist is the first thing that anybody sees; the rest is fetched when it is opened.
const ReadingPage = lazy(() => import("../reading/ReadingPage"));
const BoardsPage = lazy(() => import("../boards/BoardsPage"));
const BoardPage = lazy(() => import("../boards/BoardPage"));
const OperationsPage = lazy(() => import("../operations/OperationsPage"));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 4 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

export function App() {
  const [location] = useLocation();
  return (
    <QueryClientProvider client={queries}>
      <Frame>
        <Failing key={location} fallback={(error) => <Problem error={error} onRetry={() => window.location.reload()} />}>
          <Suspense fallback={<Waiting />}>
            <Switch>
              <Route path="/" component={WorklistPage} />
              <Route path="/studies/:uid">{({ uid }) => <ReadingPage key={uid} studyUid={uid} />}</Route>
              <Route path="/boards" component={BoardsPage} />
              <Route path="/boards/:id">{({ id }) => <BoardPage key={id} boardId={id} />}</Route>
              <Route path="/operations" component={OperationsPage} />
              <Route component={Missing} />
            </Switch>
          </Suspense>
        </Failing>
      </Frame>
    </QueryClientProvider>
  );
}
