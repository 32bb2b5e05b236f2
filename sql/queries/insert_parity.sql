-- Store the comparisons that Python hands over as new_parity, in place of earlier ones.
delete from parity
where
    model_id = $model_id
    and runtime in (select new.runtime from new_parity as new);

insert into parity
select
    $model_id as model_id,
    runtime,
    reference,
    pairs,
    max_abs_difference,
    tolerance,
from new_parity;
