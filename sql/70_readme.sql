-- README: what is in this file, for the person who opens it with no other help.
-- Grain: one row per relation worth knowing, in the order to look at them.
-- Reads: the catalogue's own comments.
-- Why: `select * from README` is the first thing that one tries.

create or replace view readme as
with listed as (
    select
        [
            {
                'relation': 'predictions',
                'query': 'select title, predicted_rating from predictions '
                || 'where user_id = (select min(user_id) from predictions) '
                || 'order by predicted_rating desc limit 5'
            },
            {
                'relation': 'recommendations',
                'query': 'select user_id, rank, title, predicted_rating '
                || 'from recommendations where method = ''rating'' '
                || 'order by user_id, rank limit 10'
            },
            {
                'relation': 'recommendation_reasons',
                'query': 'select user_id, movie_id, because_title, user_rating '
                || 'from recommendation_reasons where reason_rank = 1 '
                || 'order by user_id, movie_id limit 10'
            },
            {
                'relation': 'predict_rating',
                'query': 'select predict_rating(user_id, movie_id), actual_rating '
                || 'from predictions where split = ''test'' '
                || 'order by user_id, movie_id limit 5'
            },
            {
                'relation': 'live_predictions',
                'query': 'select user_id, avg(predicted_rating) as mean_rating '
                || 'from live_predictions group by user_id order by user_id limit 5'
            },
            {
                'relation': 'similar_movies',
                'query': 'select rank, title, similarity from similar_movies '
                || 'where movie_id = (select movie_id from top_movies '
                || 'where movie_index = 0) order by rank limit 5'
            },
            {
                'relation': 'similar_users',
                'query': 'select user_id, similar_user_id, similarity '
                || 'from similar_users where rank = 1 order by user_id limit 5'
            },
            {
                'relation': 'evaluation',
                'query': 'select model_id, value, ci_low, ci_high from evaluation '
                || 'where split = ''test'' and metric = ''rmse'' order by value'
            },
            {
                'relation': 'verifications',
                'query': 'select title, actual_rating, predicted_rating, error '
                || 'from verifications order by abs(error) desc limit 5'
            },
            {
                'relation': 'teacher_models',
                'query': 'select name, share, valid_rmse from teacher_models '
                || 'order by model_id, share desc, valid_rmse limit 5'
            },
            {
                'relation': 'training_history',
                'query': 'select epoch, train_loss, valid_loss '
                || 'from training_history order by model_id, epoch limit 5'
            },
            {
                'relation': 'trials',
                'query': 'select number, state, value, hyperparameters '
                || 'from trials order by value limit 5'
            },
            {
                'relation': 'models',
                'query': 'select model_id, preset, valid_rmse, is_current '
                || 'from models order by created_at'
            },
            {
                'relation': 'model_lineage',
                'query': 'select model_id, is_stale, source_uri, versions '
                || 'from model_lineage'
            },
            {
                'relation': 'parity',
                'query': 'select runtime, pairs, max_abs_difference from parity '
                || 'order by runtime'
            },
            {
                'relation': 'rating_funnel',
                'query': 'select step, ratings, users, movies from rating_funnel'
            },
            {
                'relation': 'split_ratings',
                'query': 'select split, count(*) as ratings from split_ratings '
                || 'group by split order by split'
            },
            {
                'relation': 'sources',
                'query': 'select name, uri, rows, is_synthetic from sources '
                || 'order by name'
            },
            {
                'relation': 'settings',
                'query': 'select top_movies, min_ratings, split_seed from settings'
            }
        ] as entries,
),

examples as (
    select
        unnest(entries) as entry,
        generate_subscripts(entries, 1) as position,
    from listed
),

comments as (
    select
        table_name as name,
        comment as what,
    from duckdb_tables()
    where schema_name = 'main' and not internal
    union all
    select
        view_name as name,
        comment as what,
    from duckdb_views()
    where schema_name = 'main' and not internal
    union all
    select
        function_name as name,
        any_value(comment) as what,
    from duckdb_functions()
    where schema_name = 'main' and function_type = 'macro' and not internal
    group by function_name
)

select
    examples.entry.relation as name,
    comments.what,
    examples.entry.query as example,
from examples
inner join comments
    on examples.entry.relation = comments.name
order by examples.position;

comment on view readme is
'What is in this file and how to ask for it. One row per relation worth knowing.';
comment on column readme.name is
'Name of the table, view or macro.';
comment on column readme.what is
'Its comment.';
comment on column readme.example is
'A query to start from.';
