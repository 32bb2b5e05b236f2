-- Scale and fingerprint of the data as it is now.
select
    scale.lowest_rating,
    scale.highest_rating,
    print.fingerprint,
from rating_scale as scale
cross join data_fingerprint as print;
