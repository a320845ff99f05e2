import { type Counts, EVERYTHING, type Filter, FLAGS, groupCount, GROUPS, type Group, isFiltered, PRIORITIES } from "./model";
import { texts } from "#texts/worklist";

function Chip({ label, count, on, onToggle }: { label: string; count: number; on: boolean; onToggle: () => void }) {
  return (
    <button type="button" className="chip" aria-pressed={on} onClick={onToggle}>
      {label} <span className="count">{count}</span>
    </button>
  );
}

const toggled = <T,>(all: T[], one: T) => (all.includes(one) ? all.filter((each) => each !== one) : [...all, one]);

/** The filters, each with how many rows it would leave of the whole list; what there is none of is not offered. */
export function Chips({
  filter,
  counts,
  onFilter,
}: {
  filter: Filter;
  counts: Counts | undefined;
  onFilter: (filter: Filter) => void;
}) {
  const change = (part: Partial<Filter>) => onFilter({ ...filter, ...part });
  const groups = (Object.keys(GROUPS) as Group[]).map((group) => ({ group, count: groupCount(group, counts) }));
  const modalities = [...new Set([...Object.keys(counts?.modalities ?? {}).slice(0, 8), ...filter.modality])];
  return (
    <div className="chips" role="group" aria-label={texts.filters}>
      {FLAGS.filter((flag) => filter[flag] || counts?.[flag]).map((flag) => (
        <Chip
          key={flag}
          label={texts.chip[flag]}
          count={counts?.[flag] ?? 0}
          on={filter[flag]}
          onToggle={() => change({ [flag]: !filter[flag] })}
        />
      ))}
      {groups
        .filter(({ group, count }) => count > 0 || filter.group === group)
        .map(({ group, count }) => (
          <Chip
            key={group}
            label={texts.chip[group]}
            count={count}
            on={filter.group === group}
            onToggle={() => change({ group: filter.group === group ? "" : group })}
          />
        ))}
      {PRIORITIES.filter((each) => filter.priority.includes(each) || counts?.priorities[each]).map((each) => (
        <Chip
          key={each}
          label={texts.priority[each]}
          count={counts?.priorities[each] ?? 0}
          on={filter.priority.includes(each)}
          onToggle={() => change({ priority: toggled(filter.priority, each) })}
        />
      ))}
      {modalities.map((each) => (
        <Chip
          key={each}
          label={each}
          count={counts?.modalities[each] ?? 0}
          on={filter.modality.includes(each)}
          onToggle={() => change({ modality: toggled(filter.modality, each) })}
        />
      ))}
      {isFiltered(filter) && (
        <button type="button" className="link" onClick={() => onFilter({ ...EVERYTHING, sort: filter.sort })}>
          {texts.clear}
        </button>
      )}
    </div>
  );
}
