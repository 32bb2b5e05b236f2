-- Offending rows: splits whose size is not the share in settings, rounded up.
with totals as (
    select
        count(*) as row_count,
        count(*) filter (where split = 'test') as test_count,
        count(*) filter (where split = 'valid') as valid_count,
    from split_ratings
),

sizes as (
    select
        'test' as split,
        totals.test_count as actual_rows,
        ceil(totals.row_count * settings.test_share) as expected_rows,
    from totals
    cross join settings
    union all
    select
        'valid' as split,
        totals.valid_count as actual_rows,
        ceil((totals.row_count - totals.test_count) * settings.valid_share)
            as expected_rows,
    from totals
    cross join settings
)

select
    split,
    actual_rows,
    expected_rows,
from sizes
where actual_rows != expected_rows
order by split;
