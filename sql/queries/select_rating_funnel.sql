-- What each filter leaves, widest first.
from rating_funnel;
