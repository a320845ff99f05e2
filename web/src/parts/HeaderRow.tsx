/** The head of a table: a name a column, none over buttons; numbers stand to the right. */
export function HeaderRow<K extends string>({ names, numbers = [] }: { names: Record<K, string>; numbers?: readonly K[] }) {
  return (
    <thead>
      <tr>
        {(Object.keys(names) as K[]).map((key) =>
          names[key] === "" ? (
            <td key={key} />
          ) : (
            <th key={key} scope="col" className={numbers.includes(key) ? "number" : undefined}>
              {names[key]}
            </th>
          ),
        )}
      </tr>
    </thead>
  );
}
