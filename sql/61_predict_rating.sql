-- predict_rating(user, movie): the rating that the current model expects (stars).
-- Reads: live_predictions.
-- Why: select predict_rating(599, 318) in any DuckDB client. Unknown ids give null.

create or replace macro predict_rating(a_user, a_movie) as (
    select predicted_rating
    from live_predictions
    where user_id = a_user and movie_id = a_movie
);

comment on function predict_rating is
'Rating that the current model expects of a user for a movie (stars); null if unknown.';
