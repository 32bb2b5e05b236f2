-- baseline_predictions: two predictions that any model has to beat.
-- Grain: one row per (user_id, movie_id) of split_ratings.
-- Reads: split_ratings (statistics from its train rows alone), settings.
-- Why: the damped bias is mu + b_movie + b_user, each bias shrunk by bias_damping
--      ratings (Koren 2008, section 2.1). Rounding hides in which order threads add.

create or replace view baseline_predictions as
with split_rows as materialized (
    select * from split_ratings
),

train as (
    select * from split_rows
    where split = 'train'
),

overall as (
    select avg(rating) as mean_rating from train
),

movie_biases as (
    select
        train.movie_id,
        count(*) as popularity,
        sum(train.rating - overall.mean_rating)
        / (count(*) + any_value(settings.bias_damping)) as movie_bias,
    from train
    cross join overall
    cross join settings
    group by train.movie_id
),

user_biases as (
    select
        train.user_id,
        sum(train.rating - overall.mean_rating - movie.movie_bias)
        / (count(*) + any_value(settings.bias_damping)) as user_bias,
    from train
    inner join movie_biases as movie
        on train.movie_id = movie.movie_id
    cross join overall
    cross join settings
    group by train.user_id
)

select
    split_rows.user_id,
    split_rows.movie_id,
    split_rows.split,
    split_rows.rating,
    round(overall.mean_rating, 9) as global_mean,
    round(
        least(
            greatest(
                overall.mean_rating
                + coalesce(movie.movie_bias, 0)
                + coalesce(active.user_bias, 0),
                scale.lowest_rating
            ),
            scale.highest_rating
        ),
        9
    ) as damped_bias,
    round(coalesce(movie.movie_bias, 0), 9) as movie_bias,
    coalesce(movie.popularity, 0) as popularity,
from split_rows
cross join overall
cross join rating_scale as scale
left join movie_biases as movie
    on split_rows.movie_id = movie.movie_id
left join user_biases as active
    on split_rows.user_id = active.user_id;

comment on view baseline_predictions is
'Baselines fitted on train. One row per (user_id, movie_id) of split_ratings.';
comment on column baseline_predictions.user_id is
'User as the data names it.';
comment on column baseline_predictions.movie_id is
'Movie as the data names it.';
comment on column baseline_predictions.split is
'Split of the row: ''train'', ''valid'' or ''test''.';
comment on column baseline_predictions.rating is
'The rating that was given (stars).';
comment on column baseline_predictions.global_mean is
'Mean of the train ratings (stars): the same for every row.';
comment on column baseline_predictions.damped_bias is
'Mean plus damped movie bias plus damped user bias, inside the rating scale (stars).';
comment on column baseline_predictions.movie_bias is
'The part of damped_bias that is the movie''s (stars).';
comment on column baseline_predictions.popularity is
'Train ratings of the movie (count): the order of the popularity baseline.';
