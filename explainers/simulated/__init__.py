"""A simulated subject: a small learner that is taught what an arm's participants see. It is nobody's answer."""
