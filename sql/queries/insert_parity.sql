-- Store the comparisons that Python hands over as new_parity.
insert into parity
select
    $model_id as model_id,
    runtime,
    reference,
    pairs,
    max_abs_difference,
    tolerance,
from new_parity;
