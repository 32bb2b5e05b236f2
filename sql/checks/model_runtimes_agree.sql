-- Offending rows: runtimes that differ from their reference by more than allowed.
select
    model_id,
    runtime,
    reference,
    max_abs_difference,
    tolerance,
from parity
where not max_abs_difference <= tolerance
order by model_id, runtime;
