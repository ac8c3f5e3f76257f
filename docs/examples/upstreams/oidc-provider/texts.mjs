// The pages' words, in the languages that the bank speaks. `{names}` are filled in and escaped.

export const TEXTS = {
  en: {
    demo: 'Sandbox: no real accounts, no real money.',
    problem: 'There is a problem',
    sign_in: {
      title: 'Sign in',
      lead: '{tpp} asks for access to your accounts. Sign in to see what it asks for. Nothing is shared before you allow it.',
      login: 'User name', password: 'Password', submit: 'Sign in', cancel: 'Do not sign in, go back to {tpp}',
      wrong: 'User name or password is not right.',
    },
    cancel: {
      title: 'Go back without signing in?', lead: '{tpp} gets no access and is told that you said no.',
      submit: 'Go back to {tpp}', stay: 'Stay and sign in',
    },
    consent: {
      title: 'Allow {tpp}?', signed_in: 'Signed in as {customer}', details: 'What you would agree to',
      scopes: 'What {tpp} could do', note: '{tpp} writes, and we have not checked it:', deny: 'Do not allow', approve: 'Allow',
      after: 'Either way you return to {tpp}.',
    },
    logout: { title: 'Sign out?', submit: 'Sign out', stay: 'Stay signed in' },
    signed_out: { title: 'You are signed out', lead: 'You can close this window.' },
    refused: { title: 'This request cannot be shown', lead: 'Nothing was shared. Go back to the app or site that sent you here.' },
    gone: { title: 'This request is closed', lead: 'It was answered, it has expired, or it was begun in another browser.' },
    unavailable: { title: 'This does not work just now', lead: 'A system that we need did not answer. Nothing was shared. Try again in a moment.' },
    scope: {
      openid: 'Know that it is you, by an identifier that your bank makes for it', profile: 'See your name',
      accounts: 'See your accounts, balances and transactions', payments: 'Start payments that you agree to one by one',
      other: 'Use the service {scope}',
    },
  },
  pt: {
    demo: 'Ambiente de testes: sem contas nem dinheiro reais.',
    problem: 'Há um problema',
    sign_in: {
      title: 'Iniciar sessão',
      lead: '{tpp} pede acesso às suas contas. Inicie sessão para ver o que pede. Nada é partilhado antes de o permitir.',
      login: 'Nome de utilizador', password: 'Palavra-passe', submit: 'Iniciar sessão', cancel: 'Não iniciar sessão e voltar a {tpp}',
      wrong: 'O nome de utilizador ou a palavra-passe não está certo.',
    },
    cancel: {
      title: 'Voltar sem iniciar sessão?', lead: '{tpp} não recebe acesso e fica a saber que recusou.',
      submit: 'Voltar a {tpp}', stay: 'Ficar e iniciar sessão',
    },
    consent: {
      title: 'Permitir {tpp}?', signed_in: 'Sessão iniciada como {customer}', details: 'Aquilo com que concordaria',
      scopes: 'O que {tpp} poderia fazer', note: '{tpp} escreve, e nós não verificámos:', deny: 'Não permitir', approve: 'Permitir',
      after: 'Em ambos os casos volta a {tpp}.',
    },
    logout: { title: 'Terminar sessão?', submit: 'Terminar sessão', stay: 'Continuar' },
    signed_out: { title: 'A sessão terminou', lead: 'Pode fechar esta janela.' },
    refused: { title: 'Este pedido não pode ser mostrado', lead: 'Nada foi partilhado. Volte à aplicação ou ao sítio que o trouxe aqui.' },
    gone: { title: 'Este pedido está fechado', lead: 'Foi respondido, expirou, ou começou noutro navegador.' },
    unavailable: { title: 'Agora não funciona', lead: 'Um sistema de que precisamos não respondeu. Nada foi partilhado. Tente daqui a pouco.' },
    scope: {
      openid: 'Saber que é você, por um identificador que o seu banco cria', profile: 'Ver o seu nome',
      accounts: 'Ver as suas contas, saldos e movimentos', payments: 'Iniciar pagamentos com que concorde um a um',
      other: 'Usar o serviço {scope}',
    },
  },
};

// The first of these languages that the bank speaks.
export function languageOf(wanted) {
  const spoken = wanted.split(/[\s,]+/).map((each) => each.split(/[-;]/)[0].toLowerCase());
  return spoken.find((each) => Object.hasOwn(TEXTS, each)) ?? 'en';
}
