-- interval_radii: how far a rating may be from its prediction, nine times in ten.
-- Grain: one row per model and user.
-- Reads: user_spreads, calibration_residuals.
-- Why: split-conformal intervals (Vovk et al. 2005; Lei et al. 2018, section 5.2): of n
--      residuals divided by their users' scale, the one at place ceil(0.9 (n + 1)).
--      The scales come from train, so valid and test rows are alike and coverage holds.

create or replace view interval_radii as
with scores as (
    select
        residuals.model_id,
        abs(residuals.residual) / scales.spread as score,
        row_number() over (
            partition by residuals.model_id
            order by
                abs(residuals.residual) / scales.spread,
                residuals.user_id,
                residuals.movie_id
        ) as place,
        count(*) over (partition by residuals.model_id) as score_count,
    from calibration_residuals as residuals
    inner join user_spreads as scales
        on
            residuals.model_id = scales.model_id
            and residuals.user_id = scales.user_id
),

thresholds as (
    select
        model_id,
        score as threshold,
    from scores
    where place = (9 * (score_count + 1) + 9) // 10
)

select
    scales.model_id,
    scales.user_id,
    scales.spread * coalesce(thresholds.threshold, 'infinity'::double) as radius,
from user_spreads as scales
left join thresholds
    on scales.model_id = thresholds.model_id;

comment on view interval_radii is
'Half the width of the 90 % interval around a prediction. One row per model and user.';
comment on column interval_radii.model_id is
'Model, as in models.';
comment on column interval_radii.user_id is
'User as the data names it.';
comment on column interval_radii.radius is
'lower and upper are so far from the prediction, inside the scale (stars); infinite if '
'fewer than nine valid rows tell.';
