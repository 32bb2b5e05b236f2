-- Store the comparisons that Python hands over as new_verifications.
insert into verifications
select
    model_id,
    verified_at::timestamp as verified_at,
    user_id,
    movie_id,
    title,
    split,
    actual_rating,
    predicted_rating,
    error,
from new_verifications;
