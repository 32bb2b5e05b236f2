-- Trials of the study that was worked on last, in order.
select
    study,
    number,
    state,
    value,
    hyperparameters::varchar as hyperparameters,
    epochs,
    seconds,
    started_at,
from trials
where
    study in (
        select latest.study
        from trials as latest
        order by latest.started_at desc, latest.study
        limit 1
    )
order by number;
